package fs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitName(t *testing.T) {
	for name, want := range map[string]nameWords{
		"routes":                        {base: "routes"},
		"routes.json":                   {base: "routes", json: true},
		".json":                         {base: ".json"},
		"routes,dev=eth0,proto!=4":      {base: "routes", filters: []wordFilter{{"dev", "eth0", false}, {"proto", "4", true}}},
		"routes.json,dev=eth0":          {base: "routes", json: true, filters: []wordFilter{{"dev", "eth0", false}}},
		"list,name,mtu.json":            {base: "list", cols: []string{"name", "mtu"}, json: true},
		"events,.kind=route,.once":      {base: "events", dots: []Pair{{"kind", "route"}, {"once", ""}}},
		"routes,dev=a%2Cb,.format=json": {base: "routes", json: true, filters: []wordFilter{{"dev", "a,b", false}}},
		"list,name=x.json,.format=text": {base: "list", filters: []wordFilter{{"name", "x.json", false}}},
		"a%2Cb,x=1=2":                   {base: "a%2Cb", filters: []wordFilter{{"x", "1=2", false}}},
	} {
		got, err := splitName(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"", ",", ",a", "a,", "a,,b", "a,=1", "a,!=1", "a,.", "a,x=%4", "a,x=%zz", "a,.format=xml"} {
		_, err := splitName(name)
		require.ErrorIs(t, err, errInval, name)
	}
}

func TestPrefixWord(t *testing.T) {
	require.Equal(t, "10.0.0.0/8", wordFilter{value: "10.0.0.0_8"}.prefix())
	require.Equal(t, "fe80::/64", wordFilter{value: "fe80::/64"}.prefix())
}

func TestEncodeName(t *testing.T) {
	for in, want := range map[string]string{
		"eth0": "eth0", "": "%", ".": "%2E", "..": "%2E.", "...": "...", "a/b": "a%2Fb", "50%": "50%25", "a,b": "a%2Cb",
		"a\tb\x7f": "a%09b%7F", "list.json": "list%2Ejson", ".json": ".json", "a b": "a b", "ü": "ü", "\xff": "%FF", "a.json.b": "a.json.b",
	} {
		require.Equal(t, want, encodeName(in), "%q", in)
	}
}

func FuzzEncodeName(f *testing.F) {
	for _, s := range []string{"", ".", "..", "%", "a.json", "\xc3", "\xc3\xbc/", ".json.json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := encodeName(s)
		back, err := decodeName(name)
		if err != nil || back != s {
			t.Fatalf("%q -> %q -> %q, %v", s, name, back, err)
		}
		if !legalName(name) || name == "." || name == ".." {
			t.Fatalf("%q -> %q is not a name", s, name)
		}
		w, err := splitName(name)
		if err != nil || w.base != name || !w.bare() {
			t.Fatalf("%q splits: %+v, %v", name, w, err)
		}
	})
}

func FuzzSplitName(f *testing.F) {
	for _, s := range []string{"a,b=c,.d=e,f!=%2C.json", "a,", "%,%=%", "a,.format=json,.format=text"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := splitName(s)
		if err != nil {
			return
		}
		n := len(w.filters) + len(w.cols) + len(w.dots)
		if n > strings.Count(s, ",") || w.base == "" || strings.Contains(w.base, ",") {
			t.Fatalf("%q: %+v", s, w)
		}
		if w.bare() && w.base != s && !strings.Contains(s, ",.format=") {
			t.Fatalf("%q lost: %+v", s, w)
		}
	})
}
