"""The pure core: it decides. No I/O, no clock, no environment; bytes and values in, values out."""
