//! Bytes to and from commands, responses and multi-line data: no I/O, no clock.
