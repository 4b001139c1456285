"""What the two scoring services share: a model on a device at one fixed shape, a bounded queue, films brought to it."""
