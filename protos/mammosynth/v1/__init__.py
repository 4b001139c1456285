"""Generated messages and stubs of version 1 of the contract (`make protos`)."""
