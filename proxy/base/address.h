// Network addresses: a socket address (IPv4 or IPv6 with a port), and ranges of them (CIDR).
//
// Why      One type for peers, listeners and endpoints, small enough to copy. An IPv4-mapped IPv6
//          address (::ffff:10.0.0.1) becomes plain IPv4 when it is made, so one client has one
//          form.
// Errors   A text that is no address is std::nullopt; names are resolved elsewhere
//          (net/resolver.h).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringside {

class Address {
 public:
  Address() = default;

  // From an IPv4 or IPv6 socket address; any other family gives an empty address.
  explicit Address(const sockaddr* from);

  // "10.0.0.1:80", "[::1]:80". The port is required.
  static std::optional<Address> parse(std::string_view host_port);
  // "10.0.0.1", "::1", "[::1]" and, as X-Forwarded-For sometimes has it, "10.0.0.1:80": no port is
  // needed.
  static std::optional<Address> parse_host(std::string_view host);

  bool empty() const { return family_ == AF_UNSPEC; }
  bool is_ipv4() const { return family_ == AF_INET; }
  bool is_loopback() const;
  std::uint16_t port() const { return port_; }
  Address with_port(std::uint16_t port) const;

  // The bytes of the host alone: 4 or 16, in network order.
  std::string_view host_bytes() const;
  // The address of those, with port 0; empty for any other number of bytes.
  static Address from_host_bytes(std::string_view bytes);
  std::string host_text() const;  // "10.0.0.1", "::1"
  std::string text() const;       // "10.0.0.1:80", "[::1]:80"

  sockaddr_storage to_sockaddr() const;

  friend bool operator==(const Address&, const Address&) = default;

 private:
  std::array<std::uint8_t, 16> host_{};
  std::uint16_t port_ = 0;
  std::uint16_t family_ = AF_UNSPEC;
};

// A range such as 10.0.0.0/8, fd00::/8, or one address.
class Cidr {
 public:
  // Refuses host bits beyond the prefix only by masking them off.
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  Address base_;
  unsigned prefix_bits_ = 0;
};

// Splits "host:port" where host may be a name; nullopt when there is no port of 0..65535 or no
// host.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
std::optional<HostPort> split_host_port(std::string_view text);

}  // namespace ringside
