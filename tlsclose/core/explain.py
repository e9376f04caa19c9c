"""What each verdict and each stack's error text means, why it matters and how to fix it: as data."""
