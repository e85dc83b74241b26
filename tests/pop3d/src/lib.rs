//! The POP3 servers that popfetch's tests, example and benchmarks run against.
