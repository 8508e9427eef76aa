//go:build dragonfly || darwin

package rtsock

func prepare(int, int) error { return nil }
