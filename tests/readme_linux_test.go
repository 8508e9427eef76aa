package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestReadme runs the examples of the README: every line that begins with "$ "
// in a block marked console, in one shell, in a namespace that looks like a small
// machine. What the README prints below a command must be what comes, where "…"
// stands for anything. The README's /net is the mount of this test.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	steps := examples(string(text))
	require.GreaterOrEqual(t, len(steps), 20, "examples in the README")

	dir := bin(t)
	r := newRig(t)
	r.ip("link set v0 down")
	r.ip("link set v0 name eth0")
	r.ip("link set eth0 up")
	mnt := filepath.Join(shortDir(t), "net")

	script := "PATH=" + dir + ":$PATH\n"
	for _, s := range steps {
		script += strings.ReplaceAll(s.command, "/net", mnt) + "\necho '\x01'\n"
	}
	script += "cd /; for p in $(jobs -p); do kill $p; done; wait\n"
	var out bytes.Buffer
	var cmd *exec.Cmd
	r.Do(func() { // the shell is born in the namespace
		cmd = exec.Command("bash", "-c", script)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: 0, Setpgid: true}
		cmd.Env = append(os.Environ(), "HOME="+mnt+"/..", "LANG=C.UTF-8")
		require.NoError(t, cmd.Start())
	})
	timer := time.AfterFunc(time.Minute, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	err = cmd.Wait()
	got := strings.Split(strings.ReplaceAll(out.String(), mnt, "/net"), "\x01\n")
	require.Greater(t, len(got), len(steps)-1, "the shell ended early: %v\n%s", err, out.String())
	for i, s := range steps {
		if !like(s.output, got[i]) {
			t.Errorf("README: $ %s\nprints\n%sthe README says\n%s", s.command, got[i], s.output)
		}
	}
}

type example struct{ command, output string }

// examples returns the commands of the console blocks of a text and what they print.
func examples(text string) []example {
	var list []example
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if cmd, ok := strings.CutPrefix(line, "$ "); ok {
				list = append(list, example{command: strings.TrimSpace(cmd)})
			} else if len(list) > 0 {
				list[len(list)-1].output += line
			}
		}
	}
	return list
}

// like compares, with "…" for anything within a line or, alone, for any lines.
func like(pattern, s string) bool {
	q := regexp.QuoteMeta(pattern)
	q = strings.ReplaceAll(q, "\n…\n", "\n(?s:.*)\n")
	q = strings.ReplaceAll(q, "…", ".*")
	return regexp.MustCompile("^" + q + "$").MatchString(s)
}

func TestLike(t *testing.T) {
	require.True(t, like("a\nb …\n", "a\nb 12\n"))
	require.False(t, like("a\n", "a\nb\n"))
	require.True(t, like("a\n…\nd\n", "a\nb\nc\nd\n"))
}
