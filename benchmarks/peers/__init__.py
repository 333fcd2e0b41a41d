"""Other ways to do the job, each a program of the benchmarks' environment that speaks the same few lines."""
