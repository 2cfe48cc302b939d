package match

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package match -output-stem match -type iom_match_query -type iom_match_list -type iom_match_size -type iom_match_addr_key -type iom_match_bits_key -type iom_match_port_key -type iom_match_class_key -type iom_match_class -type iom_match_chunk_key -type iom_match_chunk -type iom_match_rule_key -type iom_match_rule -type iom_match_check -type iom_match_base -type iom_match_dim -type match_asked Match match.bpf.c -- -I../../include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function
