"""What each verdict and each stack's error text means, why it matters, what to do: as data."""
