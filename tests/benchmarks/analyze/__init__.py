"""`make bench-analyze`: a capture of real stacks, and the tools that can name how its TLS ended."""
