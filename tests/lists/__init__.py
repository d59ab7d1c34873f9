"""Tests of static lists."""
