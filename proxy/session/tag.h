// The tag in a session id that names the session's endpoint: mode `tag`.
//
// Why      The client carries the binding, so any proxy with the key finds the owner, after any
//          restart, with no table. An id goes to the client as ID.TAG and to its endpoint as ID.
// Bounds   A tag adds 23 characters: "." and 22 of base64url, for 16 bytes: the endpoint's code
//          and a MAC of 80 bits over id and code. Taking an id apart allocates nothing.
// Threads  Functions of values; EndpointCodes is immutable.
// Errors   What does not verify is a state of the value read, and shows no part of it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/keys.h"

namespace ringside::session {

// What an endpoint goes by in tags and cookies: 6 bytes of a MAC of its identity, so that clients
// learn neither its name nor its address, nor can make a code.
struct EndpointCode {
  std::array<std::uint8_t, 6> bytes{};
  friend auto operator<=>(const EndpointCode&, const EndpointCode&) = default;
};

// `identity` is the endpoint's stable name.
EndpointCode code_of(const TagKey& key, std::string_view identity);

// The codes of a pool's endpoints under each of its keys.
class EndpointCodes {
 public:
  // Endpoints are known by their places in `identities`. Takes two MACs for each and key.
  EndpointCodes(const TagKeys& keys, std::span<const std::string_view> identities);

  // The endpoint that has this code under the key of that index; of two that share one (a chance of
  // 1 to 500 million in a pool of 1024) the first.
  std::optional<std::size_t> find(const EndpointCode& code, std::size_t key) const;

  // The code to sign. Requires: there is a key; endpoint < number of identities.
  const EndpointCode& first_code(std::size_t endpoint) const { return first_[endpoint]; }

 private:
  struct Entry {
    EndpointCode code;
    std::uint32_t endpoint;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries_;       // of each key in turn, in order of code
  std::vector<EndpointCode> first_;  // under the first key, by endpoint
};

// "." and a tag: what is written behind an id.
using TagSuffix = std::array<char, 23>;

// Signs with the first key. Requires: there is one.
TagSuffix tag_suffix(const TagKeys& keys, std::string_view id, const EndpointCode& code);

// The outward id: `id` and the suffix for the endpoint of that identity.
std::string sign(const TagKeys& keys, std::string_view id, std::string_view identity);

enum class Tag : std::uint8_t {
  untagged,  // does not end in "." and 22 characters of base64url
  forged,    // does, and no key verifies it: altered, made up, or signed with a foreign key
  valid,
};

// The rest counts with Tag::valid alone.
struct TaggedId {
  Tag tag = Tag::untagged;
  std::string_view id;  // the server's own; a view into what was read
  EndpointCode code;
  std::size_t key = 0;  // its index; the code is a code under this key
};

// Takes an outward id apart. An id that a server issued before the switch to tags is untagged,
// unless it happens to have the form of a tagged one.
TaggedId read_tag(const TagKeys& keys, std::string_view outward);

}  // namespace ringside::session
