package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "directory of the package")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "nlgen:", err)
		os.Exit(1)
	}
}

// run reads the package in dir and writes its two generated files.
func run(dir string) error {
	p, err := load(dir)
	if err != nil {
		return err
	}
	codecs, tests, err := p.generate()
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "zz_nl_gen.go"), codecs); err != nil {
		return err
	}
	return write(filepath.Join(dir, "zz_nl_gen_test.go"), tests)
}

// generate returns the formatted sources of the codecs and of their tests.
func (p *pkg) generate() (codecs, tests []byte, err error) {
	if codecs, err = format.Source(p.codecs()); err != nil {
		return nil, nil, fmt.Errorf("generated code: %w", err)
	}
	if tests, err = format.Source(p.tests()); err != nil {
		return nil, nil, fmt.Errorf("generated test: %w", err)
	}
	return codecs, tests, nil
}

// write replaces the file if it differs, so that an unchanged one keeps its time.
func write(name string, src []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, src) {
		return nil
	}
	return os.WriteFile(name, src, 0o644)
}
