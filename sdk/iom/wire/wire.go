// Package wire holds the platform's own programs, which every release contains: the hooks of the devices
// and the tunnel. wire.bpf.c says which hook does what; the shared tables are described in <iom/port.h>.
package wire

import "github.com/cilium/ebpf"

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package wire -output-stem wire -type iom_dp -type iom_port -type iom_node -type iom_tunnel -type iom_group_key -type iom_tun_key -type iom_tun -type iom_stats -type iom_drop_key -type iom_trace_rec -type iom_trace_what -type iom_tag_key -type iom_ct_key -type iom_ct -type iom_ct_progress -type iom_ct_flag -type iom_ct_zone_key -type iom_ct_zone_count -type iom_ct_pace -type iom_ct_frag_key -type iom_ct_frag -type iom_name_key -type iom_name -type iom_port_flag -type iom_tunnel_flag -type iom_punted -type iom_punt_key -type iom_punt_limit -type iom_punt_meter -type iom_flood_bucket -type iom_flow_key -type iom_flow -type iom_flow_config -type iom_flow_count Wire wire.bpf.c -- -I../../include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function

// Rows of the shared tables as the C structs lay them out.
type (
	Addr      = WireIomAddr
	Instance  = WireIomDp
	Port      = WireIomPort
	Node      = WireIomNode
	Tunnel    = WireIomTunnel
	GroupKey  = WireIomGroupKey
	TunnelKey = WireIomTunKey
	TunnelRow = WireIomTun
	Stats     = WireIomStats
	DropKey   = WireIomDropKey
	TraceRec  = WireIomTraceRec
	TagKey    = WireIomTagKey

	Flow       = WireIomFlow
	FlowConfig = WireIomFlowConfig
	FlowCount  = WireIomFlowCount

	CtKey       = WireIomCtKey
	Ct          = WireIomCt
	CtProgress  = WireIomCtProgress
	CtZone      = WireIomCtZoneKey
	CtZoneCount = WireIomCtZoneCount
	CtPace      = WireIomCtPace

	NameKey   = WireIomNameKey
	NameRow   = WireIomName
	Punt      = WireIomPunted
	PuntKey   = WireIomPuntKey
	PuntLimit = WireIomPuntLimit
	PuntMeter = WireIomPuntMeter
	Resume    = WireIomResume
)

// Flags of Port and Tunnel.
const (
	PortHereOnly      = WireIomPortFlagIOM_PORT_HERE_ONLY
	TunnelInheritTOS  = WireIomTunnelFlagIOM_TUNNEL_INHERIT_TOS
	TunnelMayFragment = WireIomTunnelFlagIOM_TUNNEL_MAY_FRAGMENT
)

// Marks of packets that user space sends: MarkDone out of a port's device, as it is; MarkResume out of the relay device, with a Resume
// behind it, to go on through the modules.
const (
	MarkDone   = WireIomMarkIOM_MARK_DONE
	MarkResume = WireIomMarkIOM_MARK_RESUME
)

// How far a connection is, and its flags, see <iom/ct_tables.h>.
const (
	CtAsked       = WireIomCtProgressIOM_CT_ASKED
	CtAnswered    = WireIomCtProgressIOM_CT_ANSWERED
	CtEstablished = WireIomCtProgressIOM_CT_ESTABLISHED
	CtClosing     = WireIomCtProgressIOM_CT_CLOSING
	CtClosed      = WireIomCtProgressIOM_CT_CLOSED

	CtFrom1   = WireIomCtFlagIOM_CT_FROM_1
	CtBlocked = WireIomCtFlagIOM_CT_BLOCKED
	CtEgress  = WireIomCtFlagIOM_CT_EGRESS
)

// Bounds of connection tracking.
const (
	CtZoneLimit = WireIomCtSizeIOM_CT_ZONE_LIMIT
	CtZonePace  = WireIomCtSizeIOM_CT_PACE
)

// What a TraceRec says, see <iom/trace.h>.
const (
	TraceDrop    = WireIomTraceWhatIOM_TRACE_DROP
	TraceOutput  = WireIomTraceWhatIOM_TRACE_OUTPUT
	TraceTunnel  = WireIomTraceWhatIOM_TRACE_TUNNEL
	TraceFlood   = WireIomTraceWhatIOM_TRACE_FLOOD
	TraceCopy    = WireIomTraceWhatIOM_TRACE_COPY
	TraceRewrite = WireIomTraceWhatIOM_TRACE_REWRITE
	TraceEnter   = WireIomTraceWhatIOM_TRACE_ENTER
	TracePunt    = WireIomTraceWhatIOM_TRACE_PUNT
	TraceLearn   = WireIomTraceWhatIOM_TRACE_LEARN
	TraceDecide  = WireIomTraceWhatIOM_TRACE_DECIDE
)

// Load returns the object's spec.
func Load() (*ebpf.CollectionSpec, error) { return LoadWire() }
