package archtest

// Rules is the import table of the project.
var Rules = []Rule{
	{Package: "internal/logical", Why: "the meaning of a virtual network is plain data and depends on nothing"},
	{Package: "internal/netstate", Why: "the waist is plain data and depends on nothing"},
	{Package: "internal/ovnexpr", Why: "a language depends on nothing that speaks it"},
	{Package: "internal/ingest", May: []string{"internal/ovsdb/nb", "internal/ovsdb/sb", "internal/ovsdb/vsw", "internal/logical", "internal/ovnexpr"},
		Why: "ingest turns rows into logical networks, and does no I/O"},
	// Rules of package match and meters are plain data, like modules' configurations: OVN's matches become such rules.
	{Package: "internal/compile", May: []string{"internal/logical", "internal/netstate", "internal/ovnexpr", "modules/*/config", "sdk/iom/match", "sdk/iom/meter"},
		Why: "compile turns logical networks into state; it knows neither databases nor the kernel"},
	{Package: "internal/reconcile", May: []string{"internal/netstate"}, Why: "deciding what to change needs only states"},
	{Package: "internal/hover/punt", May: []string{"sdk/iom/..."}, Why: "slowpath uses it, which knows nothing of hover"},
	{Package: "internal/hover/...", May: []string{"internal/netstate", "sdk/iom/...", "internal/hover/..."},
		Why: "hover carries states out; it knows neither OVN nor any module by name"},
	{Package: "internal/ovsdb/...", May: []string{"internal/ovsdb/*"}, Why: "a database client knows only its own rows"},
	{Package: "internal/hostnet", Why: "the host's network is seen without knowing what for"},
	{Package: "internal/slowpath", May: []string{"sdk/iom/...", "internal/hover/punt", "internal/slowpath/*"}, Why: "it answers punted packets and knows only them"},
	{Package: "internal/slowpath/*", May: []string{"internal/slowpath/frame", "internal/slowpath/option"},
		Why: "it decides what the answer to a frame is, and knows neither where frames come from nor where they go"},

	{Package: "modules/std", May: []string{"modules/*", "sdk/iom/..."}, Why: "it only lists the built-in modules"},
	{Package: "modules/*", May: []string{"./config", "sdk/..."}, Why: "a built-in module has what a third party's has, and no private door"},
	{Package: "modules/*/config", May: []string{"sdk/iom/match", "sdk/iom/meter"}, Why: "a module's configuration is plain data"},
	{Package: "sdk/iom/match/matchtest", May: []string{"sdk/...", "internal/testutil/..."}, Why: "authors of modules get it, without the rest of the project"},
	{Package: "sdk/iomtest", May: []string{"sdk/...", "internal/testutil/..."}, Why: "authors of modules get it, without the rest of the project"},
	{Package: "sdk/...", May: []string{"sdk/..."}, Why: "authors of modules get it, without the rest of the project"},

	{Package: "api/v1", Why: "clients import it, and get nothing else with it"},
	{Package: "internal/rest/openapi", May: []string{"internal/rest"}, Why: "it only writes down what rest serves"},
	{Package: "internal/rest", May: []string{"api/v1", "internal/hover", "internal/netstate"}, Why: "what it serves comes as an argument"},
	{Package: "internal/metrics", May: []string{"api/v1", "internal/hover", "internal/hover/punt", "internal/netstate"}, Why: "what it shows comes as an argument"},
	{Package: "internal/cli", May: []string{"api/v1"}, Why: "it is a client; what runs in this process comes as arguments"},
	{Package: "internal/agent", May: []string{"..."}, Not: []string{"internal/cli/...", "internal/rest/..."},
		Why: "cmd/woven joins it with what shows it"},
	{Package: "internal/lab/...", May: []string{"..."}, Not: []string{"internal/cli/...", "internal/rest/..."},
		Why: "cmd/woven joins it with what shows it"},
	{Package: "cmd/...", May: []string{"..."}},

	{Package: "packaging/...", Why: "it writes down what it is given"},
	{Package: "internal/archtest", Why: "it judges the others"},
	{Package: "internal/testutil/...", May: []string{"..."}},
	{Package: "test/...", May: []string{"..."}},
	{Package: "bench/...", May: []string{"..."}},
}

// TestOnly are the packages that only tests import, and each other.
var TestOnly = []string{"internal/testutil/...", "internal/lab/labtest", "internal/hover/hovertest", "internal/slowpath/frametest", "sdk/iomtest",
	"sdk/iom/match/matchtest", "test/...", "bench/..."}
