package hostnet

import (
	"strings"
	"testing"
)

// An internal device: made, changed, moved to another namespace by the host, removed from here.
func TestInternal(t *testing.T) {
	h, ip := namespace(t)
	until := watching(t, h)
	want := Internal{Name: "int0", Peer: "woven-1", MAC: [6]byte{2, 0, 0, 0, 0, 1}, MTU: 1400}
	ensure := func() {
		t.Helper()
		if err := h.EnsureInternal(want); err != nil {
			t.Fatal(err)
		}
	}
	ensure()
	until("both ends", func(s *Snapshot) bool {
		end, peer := s.Links["int0"], s.Links["woven-1"]
		return end.MAC == want.MAC && end.MTU == 1400 && peer.MTU == 1400 && end.Parent == peer.Index && !end.Up && peer.Up
	})
	ip("link", "set", "int0", "up")
	if out := ip("addr", "show", "woven-1"); strings.Contains(out, "inet6") {
		t.Errorf("the switch's end has an address:\n%s", out)
	}

	want.MTU, want.MAC = 9000, [6]byte{2, 0, 0, 0, 0, 2}
	ensure()
	until("the change", func(s *Snapshot) bool {
		end, peer := s.Links["int0"], s.Links["woven-1"]
		return end.MAC == want.MAC && end.MTU == 9000 && peer.MTU == 9000 && end.Up
	})

	_, other := namespace(t)
	target := strings.Fields(other("netns", "identify"))
	if len(target) != 1 {
		t.Fatalf("namespace names %q", target)
	}
	ip("link", "set", "int0", "netns", target[0])
	until("the move", func(s *Snapshot) bool { _, here := s.Links["int0"]; return !here && s.Links["woven-1"].PeerElsewhere })
	want.MTU = 1300
	ensure()
	until("one end's MTU", func(s *Snapshot) bool { return s.Links["woven-1"].MTU == 1300 })

	for range 2 { // the second time there is nothing to remove
		if err := h.RemoveInternal("woven-1"); err != nil {
			t.Fatal(err)
		}
	}
	if out := other("link"); strings.Contains(out, "int0") {
		t.Errorf("the other end is left:\n%s", out)
	}
}

// A device of another's under the name is left alone.
func TestInternalNameTaken(t *testing.T) {
	h, ip := namespace(t)
	ip("link", "add", "int0", "type", "veth", "peer", "name", "theirs")
	err := h.EnsureInternal(Internal{Name: "int0", Peer: "woven-1", MTU: 1500})
	if err == nil || !strings.Contains(err.Error(), "int0") {
		t.Errorf("error %v", err)
	}
	if out := ip("link", "show", "int0"); !strings.Contains(out, "int0@theirs") {
		t.Errorf("the device is another now:\n%s", out)
	}
}
