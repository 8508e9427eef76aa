package uapi

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNumbers(t *testing.T) {
	dir := t.TempDir()
	src := `package p

import "no/such/package"

const (
	A_B = 1 << 3
	A_C = iota // Linux 6.14
	notABI = 3
	A_NAME = "text"
)

// Of no installed header.
const D_E T = 7

type T uint32

var _ = package.X
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	if nums, err := numbers(dir); err == nil {
		t.Fatalf("broken source gave %v", nums)
	}
	src = src[:len(src)-len("\nvar _ = package.X\n")]
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	nums, err := numbers(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []number{{"A_B", "8", false}, {"A_C", "1", true}, {"D_E", "7", true}}
	if len(nums) != len(want) {
		t.Fatalf("%v, want %v", nums, want)
	}
	for i := range want {
		if nums[i] != want[i] {
			t.Errorf("%v, want %v", nums[i], want[i])
		}
	}
}
