"""The contract of mammosynth's services and its Python client."""
