"""Which number format the model is computed in is chosen by what the processor is quick with."""

from __future__ import annotations

import pytest

from docmill.adapters.embedders.precision import quickest_for


@pytest.mark.parametrize(
    ("vendor", "flags", "precision"),
    [
        ("GenuineIntel", "avx2 avx512f avx512_vnni avx512_bf16 amx_bf16", "bf16"),
        ("GenuineIntel", "avx2 avx512f avx512_vnni avx512_bf16", "int8"),
        ("GenuineIntel", "avx2 avx512f avx512_vnni", "int8"),
        ("GenuineIntel", "avx2 avx512f", "f32"),
        ("AuthenticAMD", "avx2 avx512f avx512_vnni avx512_bf16", "bf16"),
        ("AuthenticAMD", "avx2", "f32"),
    ],
)
def test_the_format_is_the_quickest_one_of_the_processor(vendor: str, flags: str, precision: str) -> None:
    one = (
        f"vendor_id\t: {vendor}\nmodel name\t: Some Processor @ 2.10GHz\nflags\t\t: fpu {flags}\nbugs\t\t:\n"
    )
    assert quickest_for(f"processor\t: 0\n{one}\nprocessor\t: 1\n{one}\n") == precision


def test_nothing_is_presumed_of_a_processor_that_tells_nothing() -> None:
    assert quickest_for("") == "f32"
    assert quickest_for("processor\t: 0\nFeatures\t: fp asimd\n") == "f32"
