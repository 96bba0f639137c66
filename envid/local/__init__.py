"""The embedded default: a registry, BuildKit and a git mirror on loopback, for a laptop, the demo and the tests."""
