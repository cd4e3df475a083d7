"""The state of the service: database, blobs, repositories, keys, leases."""
