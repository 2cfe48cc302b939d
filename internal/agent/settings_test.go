package agent

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"woven.dev/woven/internal/ovsdb/vsw"
)

func TestReadSettings(t *testing.T) {
	base := func(more map[string]string) map[string]string {
		ids := map[string]string{"system-id": "hv1", "hostname": "host1", "ovn-remote": "tcp:10.0.0.9:6642",
			"ovn-encap-type": "geneve", "ovn-encap-ip": "192.0.2.1"}
		for k, v := range more {
			ids[k] = v
		}
		return ids
	}
	want := func(change func(*Settings)) Settings {
		s := Settings{Name: "hv1", Hostname: "host1", SB: []string{"tcp:10.0.0.9:6642"}, NB: []string{"tcp:10.0.0.9:6641"},
			Bridge: "br-int", Encap: encapOf("192.0.2.1"), FloodLimit: 50_000}
		if change != nil {
			change(&s)
		}
		return s
	}
	for _, c := range []struct {
		name     string
		ids      map[string]string
		over     Overrides
		want     Settings
		problems string
	}{
		{name: "ordinary", ids: base(nil), want: want(nil)},
		{name: "cluster", ids: base(map[string]string{"ovn-remote": "tcp:10.0.0.1:6642, tcp:[2001:db8::1]:6642"}), want: want(func(s *Settings) {
			s.SB = []string{"tcp:10.0.0.1:6642", "tcp:[2001:db8::1]:6642"}
			s.NB = []string{"tcp:10.0.0.1:6641", "tcp:[2001:db8::1]:6641"}
		})},
		{name: "NB remote of its own", ids: base(map[string]string{"ovn-remote": "unix:/sb", "woven-nb-remote": "unix:/nb"}),
			want: want(func(s *Settings) { s.SB, s.NB = []string{"unix:/sb"}, []string{"unix:/nb"} })},
		{name: "NB remote can't be derived", ids: base(map[string]string{"ovn-remote": "unix:/sb"}),
			want:     want(func(s *Settings) { s.SB, s.NB = []string{"unix:/sb"}, nil }),
			problems: `open_vswitch external_ids:woven-nb-remote: is not set, and "unix:/sb" names no port 6642 to derive it from: there is no Northbound database until it is`},
		{name: "overrides", ids: base(nil), over: Overrides{Name: "n", SB: []string{"unix:/s"}, NB: []string{"unix:/n"}, Hostname: "unused"},
			want: want(func(s *Settings) { s.Name, s.SB, s.NB = "n", []string{"unix:/s"}, []string{"unix:/n"} })},
		{name: "key with the chassis' name", ids: base(map[string]string{"ovn-encap-ip-hv1": "2001:db8::1", "ovn-encap-ip-hv2": "10.1.1.1"}),
			want: want(func(s *Settings) { s.Encap = encapOf("2001:db8::1") })},
		{name: "lists", ids: base(map[string]string{"ovn-encap-type": "vxlan,geneve", "ovn-encap-ip": "192.0.2.1,192.0.2.2", "ovn-encap-csum": "false"}),
			want: want(func(s *Settings) { s.Encap = encapOf("192.0.2.1", "192.0.2.2"); s.Encap.Csum = false })},
		{name: "default address", ids: base(map[string]string{"ovn-encap-ip": "192.0.2.1,192.0.2.2,2001:db8::1,192.0.2.1", "ovn-encap-ip-default": "2001:db8:0::1"}),
			want: want(func(s *Settings) {
				s.Encap = encapOf("2001:db8::1", "192.0.2.1", "192.0.2.2")
				s.Encap.HasDefault = true
			})},
		{name: "default of others", ids: base(map[string]string{"ovn-encap-ip-default": "192.0.2.9"}), want: want(nil),
			problems: `open_vswitch external_ids:ovn-encap-ip-default: "192.0.2.9" is none of ovn-encap-ip: it is ignored`},
		{name: "one bad address of two", ids: base(map[string]string{"ovn-encap-ip": "nonsense,192.0.2.1"}), want: want(nil),
			problems: `open_vswitch external_ids:ovn-encap-ip: "nonsense" is no address of a tunnel end: it is ignored`},
		{name: "no flow cache", ids: base(map[string]string{"woven-flow-cache": "false"}), want: want(func(s *Settings) { s.FlowCache.Off = true })},
		{name: "flow cache checked", ids: base(map[string]string{"woven-flow-cache": "check=8"}), want: want(func(s *Settings) { s.FlowCache.Check = 8 })},
		{name: "flood limit", ids: base(map[string]string{"woven-flood-limit": "0"}), want: want(func(s *Settings) { s.FloodLimit = 0 })},
		{name: "bad flood limit", ids: base(map[string]string{"woven-flood-limit": "many"}), want: want(nil),
			problems: `open_vswitch external_ids:woven-flood-limit: "many" is no number of copies a second: it is ignored`},
		{name: "physical networks", ids: base(map[string]string{"ovn-bridge-mappings": "physnet1:br-ex, physnet2:br2,bad,:br3,physnet4:", "garp-max-timeout-sec": "30"}),
			want: want(func(s *Settings) {
				s.BridgeMappings, s.AnnouncePause = map[string]string{"physnet1": "br-ex", "physnet2": "br2"}, 30*time.Second
			}),
			problems: `open_vswitch external_ids:ovn-bridge-mappings: "bad" is no network and bridge: it is ignored
				open_vswitch external_ids:ovn-bridge-mappings: ":br3" is no network and bridge: it is ignored
				open_vswitch external_ids:ovn-bridge-mappings: "physnet4:" is no network and bridge: it is ignored`},
		{name: "bad pause", ids: base(map[string]string{"garp-max-timeout-sec": "-1"}), want: want(nil),
			problems: `open_vswitch external_ids:garp-max-timeout-sec: "-1" is no number of seconds: it is ignored`},
		{name: "outer header", ids: base(map[string]string{"ovn-encap-tos": "inherit", "ovn-encap-df_default": "false"}),
			want: want(func(s *Settings) { s.Encap.InheritTOS, s.Encap.MayFragment = true, true })},
		{name: "TOS", ids: base(map[string]string{"ovn-encap-tos": "0x28"}), want: want(func(s *Settings) { s.Encap.TOS = 0x28 })},
		{name: "bad TOS", ids: base(map[string]string{"ovn-encap-tos": "257"}), want: want(nil),
			problems: `open_vswitch external_ids:ovn-encap-tos: "257" is neither inherit nor a TOS with the ECN bits zero: it is ignored`},
		{name: "no geneve", ids: base(map[string]string{"ovn-encap-type": "vxlan"}), want: want(func(s *Settings) { s.Encap = encapOf() }),
			problems: `open_vswitch external_ids:ovn-encap-type: "vxlan" does not contain geneve, the only supported type: this node registers no chassis`},
		{name: "no address", ids: base(map[string]string{"ovn-encap-ip": "host7"}), want: want(func(s *Settings) { s.Encap = encapOf() }),
			problems: `open_vswitch external_ids:ovn-encap-ip: "host7" is no address of a tunnel end: it is ignored
				open_vswitch external_ids:ovn-encap-ip: has no usable address: this node registers no chassis until it has`},
		{name: "multicast address", ids: base(map[string]string{"ovn-encap-ip": "224.0.0.1"}), want: want(func(s *Settings) { s.Encap = encapOf() }),
			problems: `open_vswitch external_ids:ovn-encap-ip: "224.0.0.1" is no address of a tunnel end: it is ignored
				open_vswitch external_ids:ovn-encap-ip: has no usable address: this node registers no chassis until it has`},
		{name: "unsupported", ids: base(map[string]string{"ovn-is-interconn": "true"}), want: want(nil),
			problems: `open_vswitch external_ids:ovn-is-interconn: is not supported: "true" is ignored`},
		{name: "zones and bridge", ids: base(map[string]string{"ovn-transport-zones": "a,b", "ovn-bridge": "br0"}),
			want: want(func(s *Settings) { s.TransportZones, s.Bridge = []string{"a", "b"}, "br0" })},
		{name: "nothing", over: Overrides{Hostname: "fallback"}, want: Settings{Hostname: "fallback", Bridge: "br-int", Encap: encapOf(), FloodLimit: 50_000},
			problems: `open_vswitch external_ids:system-id: is not set: this node registers no chassis and claims no ports until it is
				open_vswitch external_ids:ovn-remote: is not set: there is no Southbound database until it is
				open_vswitch external_ids:ovn-encap-type: is not set: this node registers no chassis until it is`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var row *vsw.OpenvSwitch
			if c.ids != nil {
				row = &vsw.OpenvSwitch{ExternalIDs: c.ids}
			}
			got, problems := readSettings(row, c.over)
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Settings{}, "Advertised"),
				cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			expectProblems(t, problems, c.problems)
		})
	}
}

// What northd, Neutron and other chassis look for.
func TestAdvertised(t *testing.T) {
	s, _ := readSettings(&vsw.OpenvSwitch{ExternalIDs: map[string]string{"system-id": "hv1",
		"ovn-bridge-mappings": "physnet1:br-ex", "ovn-cms-options": "enable-chassis-as-gw"}}, Overrides{})
	want := map[string]string{
		"datapath-type": "system", "iface-types": "internal,system", "is-interconn": "false",
		"ovn-bridge-mappings": "physnet1:br-ex", "ovn-cms-options": "enable-chassis-as-gw", "ovn-chassis-mac-mappings": "", "ovn-monitor-all": "false",
		"port-up-notif": "true", "mac-binding-timestamp": "true", "ct-no-masked-label": "true", "ovn-ct-lb-related": "true",
		"ct-commit-nat-v2": "true", "ct-commit-to-zone": "true", "ct-next-zone": "true", "ct-label-flush": "true", "ct-state-save": "true",
		"fdb-timestamp": "true", "ls-dpg-column": "true", "ovn-sample-with-registers": "true",
	}
	if diff := cmp.Diff(want, s.Advertised); diff != "" {
		t.Errorf("advertised (-want +got):\n%s", diff)
	}
}
