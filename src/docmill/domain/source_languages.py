"""The programming and markup languages that are read as source code: one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceLanguage:
    """One language: `extensions` are lower case with their dot, `commands` run it from a first line `#!`."""

    media_type: str
    name: str
    extensions: tuple[str, ...]
    commands: tuple[str, ...] = ()


def _language(mark: str, name: str, extensions: str, commands: str = "") -> SourceLanguage:
    return SourceLanguage(f"text/x-{mark}", name, tuple(extensions.split()), tuple(commands.split()))


SOURCE_LANGUAGES = (
    _language("python", "Python", ".py .pyi .pyw", "python python2 python3 pypy3"),
    _language("javascript", "JavaScript", ".js .mjs .cjs .jsx", "node nodejs deno bun"),
    _language("typescript", "TypeScript", ".ts .tsx .mts .cts", "ts-node tsx"),
    _language("java", "Java", ".java"),
    _language("c", "C", ".c .h"),
    _language("c++", "C++", ".cc .cpp .cxx .hh .hpp .hxx .inl .cu .ino"),
    _language("csharp", "C#", ".cs .csx"),
    _language("fsharp", "F#", ".fs .fsi .fsx"),
    _language("visual-basic", "Visual Basic", ".vb .bas .vbs"),
    _language("go", "Go", ".go"),
    _language("rust", "Rust", ".rs"),
    _language("swift", "Swift", ".swift", "swift"),
    _language("objective-c", "Objective-C or MATLAB", ".m .mm"),
    _language("kotlin", "Kotlin", ".kt .kts"),
    _language("scala", "Scala", ".scala .sc", "scala"),
    _language("groovy", "Groovy", ".groovy .gradle", "groovy"),
    _language("ruby", "Ruby", ".rb .rake .gemspec", "ruby jruby"),
    _language("php", "PHP", ".php .phtml", "php"),
    _language("perl", "Perl", ".pl .pm .t", "perl"),
    _language("lua", "Lua", ".lua", "lua luajit"),
    _language("r", "R", ".r", "rscript"),
    _language("julia", "Julia", ".jl", "julia"),
    _language("haskell", "Haskell", ".hs .lhs", "runhaskell"),
    _language("ocaml", "OCaml", ".ml .mli", "ocaml"),
    _language("erlang", "Erlang", ".erl .hrl", "escript"),
    _language("elixir", "Elixir", ".ex .exs", "elixir"),
    _language("clojure", "Clojure", ".clj .cljs .cljc .edn", "clojure bb"),
    _language("lisp", "Lisp or Scheme", ".lisp .el .scm .rkt", "guile sbcl racket"),
    _language("dart", "Dart", ".dart", "dart"),
    _language("zig", "Zig", ".zig"),
    _language("nim", "Nim", ".nim"),
    _language("crystal", "Crystal", ".cr", "crystal"),
    _language("pascal", "Pascal", ".pas .pp .dpr"),
    _language("fortran", "Fortran", ".f .for .f90 .f95 .f03"),
    _language("cobol", "COBOL", ".cob .cbl"),
    _language("ada", "Ada", ".adb .ads"),
    _language("assembly", "Assembly", ".asm .s"),
    _language("verilog", "Verilog", ".v .sv"),
    _language("vhdl", "VHDL", ".vhd .vhdl"),
    _language("solidity", "Solidity", ".sol"),
    _language("shell", "shell", ".sh .bash .zsh .ksh .fish", "sh bash zsh ksh dash fish"),
    _language("powershell", "PowerShell", ".ps1 .psm1 .psd1", "pwsh"),
    _language("batch", "Windows batch", ".bat .cmd"),
    _language("awk", "AWK", ".awk", "awk gawk"),
    _language("tcl", "Tcl", ".tcl", "tclsh wish"),
    _language("sql", "SQL", ".sql"),
    _language("graphql", "GraphQL", ".graphql .gql"),
    _language("protobuf", "Protocol Buffers", ".proto"),
    _language("thrift", "Thrift", ".thrift"),
    _language("css", "CSS", ".css .scss .sass .less"),
    _language("template", "web template", ".vue .svelte .jsp .asp .aspx .erb .ejs .hbs .twig .j2 .jinja"),
    _language("tex", "TeX", ".tex .sty .cls .bib"),
    _language("toml", "TOML", ".toml"),
    _language("ini", "INI", ".ini .cfg .conf .properties"),
    _language("terraform", "Terraform", ".tf .tfvars .hcl"),
    _language("nix", "Nix", ".nix"),
    _language("makefile", "Makefile", ".mk .mak", "make"),
    _language("cmake", "CMake", ".cmake"),
    _language("dockerfile", "Dockerfile", ".dockerfile"),
    _language("diff", "patch", ".diff .patch"),
)

# Their files begin like web pages and are none.
TEMPLATES = frozenset(("text/x-template", "text/x-php"))

BY_COMMAND = {command: language for language in SOURCE_LANGUAGES for command in language.commands}
