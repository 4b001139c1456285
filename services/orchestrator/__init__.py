"""Draws pairs, drives the retry loop over the three model services, and keeps the record."""
