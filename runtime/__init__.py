"""What every client of this API needs, whatever the contract says.

These modules are ordinary Python. `make generate` copies them byte for byte into the package, as `_runtime`. They
import no generated module: what the contract says reaches them as values, in a `Specification`.
"""
