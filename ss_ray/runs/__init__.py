"""Run directories: paths, manifests, status, the audit log, and the deletion of private files."""
