"""The policies that ship with the package."""
