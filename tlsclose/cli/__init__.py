"""click commands, one file each; options shared; no logic."""
