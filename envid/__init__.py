"""Content-addressed environment identities, build or reuse, and digest-pinned promotion.

The package is layered in one direction: tasks -> use cases -> adapters -> core. Importing this module imports
nothing else, so that the fast commands stay fast.
"""

__version__ = "0.1.0"
