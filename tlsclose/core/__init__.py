"""What a close is: records, alerts, events, the procedure, the half-states, the verdict.

Pure: no socket, file, clock, thread, print or third-party import.
"""
