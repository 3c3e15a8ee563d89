// Parsing and printing of addresses by inet_pton and inet_ntop.
#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ringside {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Number>
std::optional<Number> whole_number(std::string_view text, Number most) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::optional<Address> from_host(const std::string& host) {
  if (host.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return Address(reinterpret_cast<const sockaddr*>(&v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return Address(reinterpret_cast<const sockaddr*>(&v6));
  }
  return std::nullopt;
}

}  // namespace

Address::Address(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(from);
    family_ = AF_INET;
    port_ = ntohs(v4->sin_port);
    std::memcpy(host_.data(), &v4->sin_addr, 4);
  } else if (from->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(from);
    port_ = ntohs(v6->sin6_port);
    const std::uint8_t* bytes = v6->sin6_addr.s6_addr;
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes)) {
      family_ = AF_INET;
      std::memcpy(host_.data(), bytes + kMappedPrefix.size(), 4);
    } else {
      family_ = AF_INET6;
      std::memcpy(host_.data(), bytes, 16);
    }
  }
}

std::optional<Address> Address::parse(std::string_view host_port) {
  const auto parts = split_host_port(host_port);
  if (!parts) return std::nullopt;
  const auto address = from_host(parts->host);
  if (!address) return std::nullopt;
  return address->with_port(parts->port);
}

std::optional<Address> Address::parse_host(std::string_view host) {
  if (auto plain = from_host(std::string(host))) return plain;
  if (host.starts_with('[') && host.ends_with(']')) {
    return from_host(std::string(host.substr(1, host.size() - 2)));
  }
  if (auto with_port = parse(host)) return with_port->with_port(0);
  return std::nullopt;
}

bool Address::is_loopback() const {
  if (family_ == AF_INET) return host_[0] == 127;
  return family_ == AF_INET6 && host_[15] == 1 &&
         std::all_of(host_.begin(), host_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

Address Address::with_port(std::uint16_t port) const {
  Address changed = *this;
  changed.port_ = port;
  return changed;
}

std::string_view Address::host_bytes() const {
  const std::size_t size = family_ == AF_INET ? 4 : family_ == AF_INET6 ? 16 : 0;
  return {reinterpret_cast<const char*>(host_.data()), size};
}

Address Address::from_host_bytes(std::string_view bytes) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (bytes.size() == sizeof v4.sin_addr) {
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    return Address(reinterpret_cast<const sockaddr*>(&v4));
  }
  if (bytes.size() != sizeof v6.sin6_addr) return {};
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  return Address(reinterpret_cast<const sockaddr*>(&v6));
}

std::string Address::host_text() const {
  if (empty()) return "-";
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family_, host_.data(), text.data(), text.size());
  return text.data();
}

std::string Address::text() const {
  if (empty()) return "-";
  const std::string port = std::to_string(port_);
  return is_ipv4() ? host_text() + ":" + port : "[" + host_text() + "]:" + port;
}

sockaddr_storage Address::to_sockaddr() const {
  sockaddr_storage storage{};
  if (family_ == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port_);
    std::memcpy(&v4->sin_addr, host_.data(), 4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port_);
    std::memcpy(&v6->sin6_addr, host_.data(), 16);
  }
  return storage;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = from_host(std::string(text.substr(0, slash)));
  if (!base) return std::nullopt;
  const auto most = static_cast<unsigned>(base->host_bytes().size() * 8);
  Cidr range;
  range.base_ = *base;
  range.prefix_bits_ = most;
  if (slash != std::string_view::npos) {
    const auto bits = whole_number<unsigned>(text.substr(slash + 1), most);
    if (!bits) return std::nullopt;
    range.prefix_bits_ = *bits;
  }
  return range;
}

bool Cidr::contains(const Address& address) const {
  const std::string_view base = base_.host_bytes();
  const std::string_view host = address.host_bytes();
  if (base.size() != host.size() || host.empty()) return false;
  const std::size_t whole = prefix_bits_ / 8;
  if (std::memcmp(base.data(), host.data(), whole) != 0) return false;
  const unsigned rest = prefix_bits_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned>(0xff00U >> rest) & 0xffU;
  return ((static_cast<unsigned>(base[whole]) ^ static_cast<unsigned>(host[whole])) & mask) == 0;
}

std::optional<HostPort> split_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = whole_number<std::uint16_t>(text.substr(colon + 1), 65535);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address needs its brackets: its last group is no port
  }
  if (!port || host.empty()) return std::nullopt;
  return HostPort{std::string(host), *port};
}

}  // namespace ringside
