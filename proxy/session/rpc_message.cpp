// Two readers of one event-driven parse; no document is ever built.
#include "session/rpc_message.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace ringside::session {
namespace {

using nlohmann::json;

constexpr std::size_t kDepthMax = 256;
constexpr std::size_t kVersionMax = 32;

enum class ValueKind : std::uint8_t { null, boolean, number, string, object, array };

// Brings the parser's events to one form: values, and where they stand. A false from on_value()
// ends the parse.
class Reader : public json::json_sax_t {
 public:
  bool null() override { return value(ValueKind::null); }
  bool boolean(bool) override { return value(ValueKind::boolean); }
  bool number_integer(number_integer_t) override { return value(ValueKind::number); }
  bool number_unsigned(number_unsigned_t) override { return value(ValueKind::number); }
  bool number_float(number_float_t, const string_t&) override { return value(ValueKind::number); }
  bool string(string_t& text) override { return value(ValueKind::string, text); }
  bool binary(binary_t&) override { return false; }  // no part of JSON's text form
  bool start_object(std::size_t) override { return value(ValueKind::object) && descend(); }
  bool start_array(std::size_t) override { return value(ValueKind::array) && descend(); }
  bool end_object() override { return ascend(); }
  bool end_array() override { return ascend(); }
  bool key(string_t& name) override {
    on_key(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 protected:
  std::size_t depth() const { return depth_; }  // of the containers around a value

  virtual bool on_value(ValueKind kind, std::string_view text) = 0;
  virtual void on_key(std::string_view name) = 0;
  virtual bool on_closed() { return true; }  // a container; depth() is that of what is around it

 private:
  bool value(ValueKind kind, std::string_view text = {}) { return on_value(kind, text); }
  bool descend() { return ++depth_ <= kDepthMax; }
  bool ascend() {
    --depth_;
    return on_closed();
  }

  std::size_t depth_ = 0;
};

enum class Member : std::uint8_t { other, id, method, answer };

Member member_of(std::string_view name) {
  if (name == "id") return Member::id;
  if (name == "method") return Member::method;
  if (name == "result" || name == "error") return Member::answer;
  return Member::other;
}

// The members of one message that tell its kind.
struct Message {
  std::optional<std::string> method;
  std::optional<ValueKind> id;
  bool has_answer = false;
  bool contradicts_itself = false;

  void add(Member member, ValueKind kind, std::string_view text) {
    if (member == Member::answer) has_answer = true;
    if (member == Member::id) {
      if (id) contradicts_itself = true;
      id = kind;
    }
    if (member == Member::method) {
      if (method || kind != ValueKind::string) contradicts_itself = true;
      method = text;
    }
  }

  RpcKind kind(bool cut) const {
    if (contradicts_itself || (method && has_answer)) return RpcKind::other;
    if (has_answer) return RpcKind::response;
    if (!method) return RpcKind::other;
    const bool named_as_request = !method->starts_with("notifications/");
    if (!id && !(cut && named_as_request)) {
      return *method == "notifications/initialized" ? RpcKind::initialized : RpcKind::notification;
    }
    if (id && id != ValueKind::string && id != ValueKind::number) return RpcKind::other;
    return *method == "initialize" ? RpcKind::initialize : RpcKind::request;
  }
};

class KindReader final : public Reader {
 public:
  // After the parse, which is `complete` unless it ended early.
  RpcKind kind(bool complete, bool cut) {
    if (!complete && !cut) return RpcKind::other;
    if (in_message_) judge(!complete);
    if (!is_batch_) return single_;
    if (has_other_) return RpcKind::other;
    if (has_request_) return RpcKind::request;
    if (has_notification_) return RpcKind::notification;
    return has_response_ ? RpcKind::response : RpcKind::other;
  }

 private:
  bool on_value(ValueKind kind, std::string_view text) override {
    if (in_message_) {
      if (depth() == message_depth()) message_.add(member_, kind, text);
      return true;
    }
    if (kind == ValueKind::object) {
      message_ = {};
      return in_message_ = true;
    }
    if (kind == ValueKind::array && depth() == 0) return is_batch_ = true;
    return !(has_other_ = true);
  }

  void on_key(std::string_view name) override {
    if (depth() == message_depth()) member_ = member_of(name);
  }

  bool on_closed() override {
    if (in_message_ && depth() + 1 == message_depth()) judge(false);
    return true;
  }

  // Of the containers around a message's members.
  std::size_t message_depth() const { return is_batch_ ? 2 : 1; }

  void judge(bool cut) {
    in_message_ = false;
    single_ = message_.kind(cut);
    has_request_ |= single_ == RpcKind::request;
    has_notification_ |= single_ == RpcKind::notification || single_ == RpcKind::initialized;
    has_response_ |= single_ == RpcKind::response;
    has_other_ |= single_ == RpcKind::other || single_ == RpcKind::initialize;
  }

  bool is_batch_ = false;
  bool in_message_ = false;
  Member member_ = Member::other;
  Message message_;
  RpcKind single_ = RpcKind::other;
  bool has_request_ = false;
  bool has_notification_ = false;
  bool has_response_ = false;
  bool has_other_ = false;
};

class VersionReader final : public Reader {
 public:
  std::string version;

 private:
  bool on_value(ValueKind kind, std::string_view text) override {
    const bool is_version = depth() == 2 && in_params_ && is_version_;
    if (is_version && kind == ValueKind::string && text.size() <= kVersionMax) version = text;
    return true;
  }

  void on_key(std::string_view name) override {
    if (depth() == 1) in_params_ = name == "params";
    if (depth() == 2) is_version_ = name == "protocolVersion";
  }

  bool in_params_ = false;
  bool is_version_ = false;
};

}  // namespace

RpcKind rpc_kind(std::string_view body, bool whole) {
  const bool cut = !whole || body.size() > kRpcLookMax;
  body = body.substr(0, kRpcLookMax);
  KindReader reader;
  const bool complete = json::sax_parse(body.begin(), body.end(), &reader);
  return reader.kind(complete, cut);
}

std::string protocol_version_of(std::string_view initialize) {
  initialize = initialize.substr(0, kRpcLookMax);
  VersionReader reader;
  if (!json::sax_parse(initialize.begin(), initialize.end(), &reader)) return {};
  return std::move(reader.version);
}

}  // namespace ringside::session
