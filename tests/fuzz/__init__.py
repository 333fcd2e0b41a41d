"""Files and bytes that nobody wrote: mutations of real ones, and a target for a coverage-guided fuzzer."""
