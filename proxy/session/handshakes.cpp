// Bodies by session, and the one handshake that needs none.
#include "session/handshakes.h"

#include <algorithm>
#include <utility>

#include "session/rpc_message.h"

namespace ringside::session {
namespace {

constexpr std::string_view kAssumedVersion = "2025-03-26";
constexpr std::size_t kVersionTextMax = 32;
constexpr std::string_view kInitialized =
    R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

// No JSON string needs escaping that is made of these.
bool is_plain(std::string_view version) {
  return !version.empty() && version.size() <= kVersionTextMax &&
         std::ranges::all_of(version, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.';
         });
}

}  // namespace

bool Handshakes::record_initialize(Key key, std::string_view body) {
  if (body.empty() || body.size() > kBodyMax) {
    forget(key);
    return false;
  }
  Handshake handshake{.initialize = std::string(body),
                      .initialized = {},
                      .protocol_version = protocol_version_of(body)};
  const std::lock_guard lock(mutex_);
  return put(key, std::move(handshake));
}

bool Handshakes::record_initialized(Key key, std::string_view body) {
  if (body.empty() || body.size() > kBodyMax) return false;
  const std::lock_guard lock(mutex_);
  const Handshake* recorded = recorded_.find(key);
  if (recorded == nullptr) return false;
  Handshake handshake = *recorded;
  handshake.initialized = body;
  return put(key, std::move(handshake));
}

std::optional<Handshake> Handshakes::find(Key key) {
  std::optional<Handshake> found;
  {
    const std::lock_guard lock(mutex_);
    const Handshake* recorded = recorded_.find(key);
    if (recorded == nullptr) return std::nullopt;
    found = *recorded;
  }
  if (found->initialized.empty()) found->initialized = kInitialized;
  return found;
}

bool Handshakes::forget(Key key) {
  const std::lock_guard lock(mutex_);
  return recorded_.erase(key);
}

std::size_t Handshakes::size() const {
  const std::lock_guard lock(mutex_);
  return recorded_.size();
}

std::size_t Handshakes::bytes() const {
  const std::lock_guard lock(mutex_);
  return recorded_.bytes();
}

bool Handshakes::put(Key key, Handshake handshake) {
  const std::size_t bytes = handshake.initialize.size() + handshake.initialized.size() +
                            handshake.protocol_version.size();
  return recorded_.put(key, std::move(handshake), bytes) != nullptr;
}

Handshake minimal_handshake(std::string_view protocol_version) {
  if (!is_plain(protocol_version)) protocol_version = kAssumedVersion;
  std::string initialize = R"({"jsonrpc":"2.0","id":"ringside-revive","method":"initialize",)"
                           R"("params":{"protocolVersion":")";
  initialize += protocol_version;
  initialize +=
      R"(","capabilities":{},"clientInfo":{"name":"ringside","version":")" RINGSIDE_VERSION
      R"("}}})";
  return {.initialize = std::move(initialize),
          .initialized = std::string(kInitialized),
          .protocol_version = std::string(protocol_version)};
}

}  // namespace ringside::session
