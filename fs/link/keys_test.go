package link

import "testing"

func TestKindsAreDocumented(t *testing.T) {
	for _, table := range []map[string][]KindKey{Kinds, Ports} {
		for kind, list := range table {
			for _, k := range list {
				if k.Doc == "" {
					t.Errorf("%s %s has no doc", kind, k.Name)
				}
			}
		}
	}
}
