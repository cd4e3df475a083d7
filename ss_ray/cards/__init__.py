"""Descriptions that lie beside a released table: for people, for catalogs and for loaders of data sets."""
