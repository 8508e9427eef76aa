package nltest

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// CheckLeaks counts goroutines and open files now and when the test is over (after
// cleanups registered later). The test fails if there are more then.
func CheckLeaks(t testing.TB) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	t.Cleanup(func() {
		var g, f int
		for range 100 { // what was told to end may need a moment
			if g, f = runtime.NumGoroutine(), openFiles(); g <= goroutines && f <= files {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, then %d; %d open files, then %d\n%s", goroutines, g, files, f, buf[:runtime.Stack(buf, true)])
	})
}

// openFiles is 0 where there is no /proc.
func openFiles() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}
