"""Reports to text, timeline and JSON; peer-supplied strings are made safe in one place."""
