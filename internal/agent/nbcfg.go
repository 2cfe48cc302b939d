package agent

import (
	"strconv"
	"time"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// nbCfgOf returns the generation that a pair of copies contains completely: SB_Global.nb_cfg, once the copy of NB is as new. northd
// copies the number to SB together with the rows that it stands for, but NB reaches us over another connection.
func nbCfgOf(north *nb.Rows, south *sb.Rows) (n int, ok bool) {
	var s *sb.SBGlobal
	for _, s = range south.SBGlobal {
	}
	if s == nil {
		return 0, false
	}
	for _, g := range north.NBGlobal {
		if g.NbCfg >= s.NbCfg {
			return s.NbCfg, true
		}
	}
	return 0, false
}

// nbCfgOps reports the live generation in Chassis_Private, where northd collects it for `ovn-nbctl --wait=hv`.
func nbCfgOps(row *sb.ChassisPrivate, live int, now time.Time) []ovsdb.Op {
	if row == nil || row.NbCfg == live {
		return nil
	}
	return update(&sb.ChassisPrivate{UUID: row.UUID, NbCfg: live, NbCfgTimestamp: int(now.UnixMilli())},
		[]string{"nb_cfg", "nb_cfg_timestamp"})
}

// bridgeNbCfgOps reports the live generation on the integration bridge, as ovn-controller does.
func bridgeNbCfgOps(bridge *vsw.Bridge, live int, now time.Time) []ovsdb.Op {
	n := strconv.Itoa(live)
	if bridge == nil || bridge.ExternalIDs["ovn-nb-cfg"] == n {
		return nil
	}
	return []ovsdb.Op{{Kind: ovsdb.Update, Row: &vsw.Bridge{UUID: bridge.UUID}, SetKeys: map[string]map[string]string{
		"external_ids": {"ovn-nb-cfg": n, "ovn-nb-cfg-ts": strconv.FormatInt(now.UnixMilli(), 10)},
	}}}
}
