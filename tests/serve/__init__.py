"""Tests of the jobs API."""
