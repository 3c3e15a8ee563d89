// The two kinds of address that people write: where to listen, and where a pod is. What is wrong is
// said in words.
//
// Why      The configuration and the command line take the same forms and refuse the same mistakes.
// Errors   A Complaint: what is wrong, and what would be right.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace ringside {

struct Complaint {
  std::string problem;
  std::string remedy;
};

inline std::unexpected<Complaint> complain(std::string problem, std::string remedy) {
  return std::unexpected<Complaint>(Complaint{std::move(problem), std::move(remedy)});
}

// Text on one line: control characters are shown as \xNN.
std::string printable(std::string_view text);

// What somebody wrote, for a message: printable, in quotes, long text cut.
std::string in_quotes(std::string_view text);

// "127.0.0.1:8080", "[::1]:0", "localhost:8080" (127.0.0.1). Port 0 asks for a free port. Other
// names are refused: what to listen on must not depend on a name server.
Result<Address, Complaint> listen_address(std::string_view text);

// "10.0.1.5:3000", "[fd00::5]:3000", "pod-0.burger.svc:3000": the host may be a name, the port
// is 1..65535. Returned in one form (names in lower case, addresses as Address::text), so that
// equal places compare equal.
Result<std::string, Complaint> upstream_address(std::string_view text);

// A host name, or an IPv4 address: letters, digits, '-', '_' and '.', at most 253.
bool is_host_name(std::string_view text);

std::string lower_case(std::string_view text);

}  // namespace ringside
