"""The command line `ss-ray`."""
