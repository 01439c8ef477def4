"""Tests of `schedules.planning`: plans as rows, on both databases."""
