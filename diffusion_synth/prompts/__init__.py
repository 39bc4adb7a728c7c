"""Prompts: a grammar of weighted phrases, filled with what annotations hold."""
