// llhttp's callbacks, and what is kept between two reads.
#include "http/parser.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "http/head_rules.h"
#include "http/parse_fault.h"

namespace ringside::http {

// A head or trailer section that is split over reads: its bytes so far, and the offsets into them.
struct PartialBlock {
  std::string bytes;
  ParseBlock block;
};

namespace {

std::string_view trimmed(std::string_view value) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  return value;
}

Method method_of(std::uint8_t method) {
  switch (method) {
    case HTTP_GET:
      return Method::get;
    case HTTP_HEAD:
      return Method::head;
    case HTTP_POST:
      return Method::post;
    case HTTP_PUT:
      return Method::put;
    case HTTP_DELETE:
      return Method::delete_;
    case HTTP_OPTIONS:
      return Method::options;
    case HTTP_TRACE:
      return Method::trace;
    case HTTP_CONNECT:
      return Method::connect;
    default:
      return Method::other;
  }
}

}  // namespace

// The table of callbacks that llhttp calls; each finds its parser in llhttp_t::data.
struct ParserCallbacks {
  static Parser& self(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }

  static int begin(llhttp_t* llhttp) {
    self(llhttp).phase_ = Parser::Phase::head;
    return 0;
  }
  static int first(llhttp_t* llhttp, const char* at, std::size_t size) {
    return self(llhttp).add_first(at, size);
  }
  static int name(llhttp_t* llhttp, const char* at, std::size_t size) {
    return self(llhttp).add_name(at, size);
  }
  static int name_complete(llhttp_t* llhttp) {
    self(llhttp).name_done_ = true;
    return 0;
  }
  static int value(llhttp_t* llhttp, const char* at, std::size_t size) {
    return self(llhttp).add_value(at, size);
  }
  static int request_headers(llhttp_t* llhttp) { return self(llhttp).on_request_headers(); }
  static int response_headers(llhttp_t* llhttp) { return self(llhttp).on_response_headers(); }
  static int body(llhttp_t* llhttp, const char* at, std::size_t size) {
    return self(llhttp).on_body({at, size});
  }
  static int chunk_extension(llhttp_t* llhttp, const char*, std::size_t size) {
    return self(llhttp).add_chunk_extension(size);
  }
  static int message_end(llhttp_t* llhttp) { return self(llhttp).on_message_end(); }

  static constexpr llhttp_settings_t settings(llhttp_type_t type) {
    llhttp_settings_t table{};
    table.on_message_begin = begin;
    (type == HTTP_REQUEST ? table.on_url : table.on_status) = first;
    table.on_header_field = name;
    table.on_header_field_complete = name_complete;
    table.on_header_value = value;
    table.on_headers_complete = type == HTTP_REQUEST ? request_headers : response_headers;
    table.on_body = body;
    table.on_chunk_extension_name = chunk_extension;
    table.on_chunk_extension_value = chunk_extension;
    table.on_message_complete = message_end;
    return table;
  }
};

namespace {
constexpr llhttp_settings_t kRequestSettings = ParserCallbacks::settings(HTTP_REQUEST);
constexpr llhttp_settings_t kResponseSettings = ParserCallbacks::settings(HTTP_RESPONSE);
}  // namespace

Parser::Parser(llhttp_type_t type, ParseScratch& scratch, std::size_t header_bytes)
    : scratch_(scratch), header_bytes_(static_cast<std::uint32_t>(header_bytes)) {
  llhttp_init(&llhttp_, type, type == HTTP_REQUEST ? &kRequestSettings : &kResponseSettings);
  llhttp_.data = this;
}

Parser::~Parser() = default;

RequestParser::RequestParser(ParseScratch& scratch, std::size_t header_bytes)
    : Parser(HTTP_REQUEST, scratch, header_bytes) {}

ResponseParser::ResponseParser(ParseScratch& scratch, std::size_t header_bytes)
    : Parser(HTTP_RESPONSE, scratch, header_bytes) {}

const char* Parser::fault_detail() const {
  const char* reason = llhttp_get_error_reason(&llhttp_);
  return reason != nullptr ? reason : "";
}

Fed Parser::feed_bytes(std::string_view data, void* sink) {
  scratch_.sink = sink;
  scratch_.base = nullptr;
  if (partial_) {  // the head goes on: its bytes must lie together
    partial_->bytes.append(data);
    data = std::string_view(partial_->bytes).substr(partial_->bytes.size() - data.size());
    scratch_.base = partial_->bytes.data();
    std::swap(scratch_.block, partial_->block);
  } else {
    scratch_.block.clear();
  }

  // A client may send empty lines before a request (RFC 9112, 2.2), an endpoint none before a
  // response.
  if (phase_ == Phase::idle && llhttp_.type == HTTP_RESPONSE && !data.empty() &&
      data.front() != 'H') {
    fault_ = ParseFault::syntax;
    return {Fed::Status::fault, 0};
  }

  const llhttp_errno_t error = llhttp_execute(&llhttp_, data.data(), data.size());

  Fed fed{Fed::Status::more, data.size()};
  if (error == HPE_PAUSED) {
    fed.consumed = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - data.data());
    fed.status = Fed::Status::complete;
    reset_for_next();
  } else if (stopped_) {
    fed.status = Fed::Status::stopped;
  } else if (error != HPE_OK) {
    if (fault_ == ParseFault::none) fault_ = tell_fault(error, data);
    fed.status = Fed::Status::fault;
  } else if ((fault_ = check_partial(data)) != ParseFault::none) {
    fed.status = Fed::Status::fault;
  } else if (phase_ == Phase::head || phase_ == Phase::trailers) {
    block_bytes_ += static_cast<std::uint32_t>(data.size());
    if (scratch_.base != nullptr) {
      if (!partial_ || scratch_.base != partial_->bytes.data()) {
        // A block that began in this read: a head, or trailers behind the rest of a head.
        auto begun = std::make_unique<PartialBlock>();
        begun->bytes.assign(scratch_.base, data.data() + data.size());
        partial_ = std::move(begun);
      }
      partial_->block = std::move(scratch_.block);
    }
    return fed;
  }
  partial_.reset();
  return fed;
}

void Parser::reset_for_next() {
  llhttp_resume(&llhttp_);
  phase_ = Phase::idle;
  block_bytes_ = 0;
  name_done_ = false;
}

ParseFault Parser::tell_fault(llhttp_errno_t error, std::string_view data) const {
  const char* const begin = scratch_.base != nullptr ? scratch_.base : data.data();
  const char* const at = llhttp_get_error_pos(&llhttp_);
  const char* const end = data.data() + data.size();
  return fault_of(llhttp_, error,
                  {.before = {begin, static_cast<std::size_t>(at - begin)},
                   .behind = {at, static_cast<std::size_t>(end - at)},
                   .in_body = phase_ == Phase::body});
}

// Also bounds a head of which nothing but the method has come. A client of HTTP/0.9 sends one line
// without a version, and waits.
ParseFault Parser::check_partial(std::string_view fed) const {
  if (phase_ != Phase::head && phase_ != Phase::trailers) return ParseFault::none;
  const bool has_target = scratch_.block.first_size != 0;
  if (has_target && llhttp_.http_major == 0 && fed.ends_with('\n')) return ParseFault::version;
  if (block_bytes_ + fed.size() <= header_bytes_ + kReadBufferBytes) return ParseFault::none;
  const bool in_target = phase_ == Phase::head && scratch_.block.fields.empty();
  return in_target ? ParseFault::target_too_long : ParseFault::head_too_large;
}

// Of the head or the trailers that have just ended, from the target or reason to the last field.
std::size_t Parser::head_size() const {
  const ParseBlock& block = scratch_.block;
  if (block.fields.empty()) return block.first_at + block.first_size;
  const FieldSpan& last = block.fields.back();
  return std::max(last.name_at + last.name_size, last.value_at + last.value_size);
}

void Parser::begin_block(const char* at) {
  if (scratch_.base == nullptr) scratch_.base = at;
}

int Parser::refuse(ParseFault fault) {
  fault_ = fault;
  return HPE_USER;
}

int Parser::add_first(const char* at, std::size_t size) {
  begin_block(at);
  ParseBlock& block = scratch_.block;
  if (block.first_size == 0) block.first_at = static_cast<std::uint32_t>(at - scratch_.base);
  block.first_size += static_cast<std::uint32_t>(size);
  return block.first_size > scratch_.first_max ? refuse(ParseFault::target_too_long) : 0;
}

int Parser::add_name(const char* at, std::size_t size) {
  begin_block(at);
  if (phase_ == Phase::body) phase_ = Phase::trailers;
  auto& fields = scratch_.block.fields;
  const auto offset = static_cast<std::uint32_t>(at - scratch_.base);
  // a name that goes on continues where it left off
  if (fields.empty() || name_done_) {
    if (fields.size() == scratch_.fields_max) return refuse(ParseFault::head_too_large);
    fields.push_back({.name_at = offset});
    name_done_ = false;
  }
  fields.back().name_size += static_cast<std::uint32_t>(size);
  return 0;
}

int Parser::add_value(const char* at, std::size_t size) {
  FieldSpan& field = scratch_.block.fields.back();
  if (field.value_size == 0) field.value_at = static_cast<std::uint32_t>(at - scratch_.base);
  field.value_size += static_cast<std::uint32_t>(size);
  return 0;
}

std::span<const Field> Parser::collect_fields() {
  scratch_.fields.clear();
  for (const FieldSpan& span : scratch_.block.fields) {
    const std::string_view name{scratch_.base + span.name_at, span.name_size};
    const std::string_view value{scratch_.base + span.value_at, span.value_size};
    scratch_.fields.push_back({name, trimmed(value), field_id(name)});
  }
  return scratch_.fields;
}

std::string_view Parser::first_text() const {
  if (scratch_.block.first_size == 0) return {};
  return {scratch_.base + scratch_.block.first_at, scratch_.block.first_size};
}

int Parser::on_request_headers() {
  RequestHead head;
  head.method = method_of(llhttp_.method);
  head.method_text = llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
  head.target = first_text();
  head.version_minor = llhttp_.http_minor;
  head.fields = collect_fields();
  head.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  head.too_large = head_size() > header_bytes_;
  // whether protocols are switched is said by the answer: until then the request is an ordinary one
  const bool asks_upgrade = llhttp_.upgrade != 0;
  llhttp_.upgrade = 0;
  // llhttp takes RTSP and ICE too, and no protocol at all (HTTP/0.9). Its name stands right behind
  // the target; strncmp() reads no further than the first byte that differs.
  const char* behind = head.target.data() + head.target.size();
  if (llhttp_.http_major == 0) return refuse(ParseFault::version);
  if (std::strncmp(behind, " HTTP/", 6) != 0) return refuse(ParseFault::request_line);
  if (llhttp_.http_major != 1) return refuse(ParseFault::version);
  if (head.method == Method::connect) return refuse(ParseFault::method);
  if (const ParseFault fault = check_head(head, llhttp_, scratch_.last_host);
      fault != ParseFault::none) {
    return refuse(fault);
  }
  if ((llhttp_.flags & F_CHUNKED) != 0) {
    head.framing.kind = Framing::Kind::chunked;
  } else if ((llhttp_.flags & F_CONTENT_LENGTH) != 0) {
    head.framing = {Framing::Kind::length, llhttp_.content_length};
  }
  head.asks_websocket = asks_upgrade && asks_for_websocket(head);
  phase_ = Phase::body;
  stopped_ = !static_cast<RequestSink*>(scratch_.sink)->on_request_head(head);
  scratch_.block.clear();
  scratch_.base = nullptr;
  block_bytes_ = 0;
  name_done_ = false;
  return stopped_ ? HPE_USER : 0;
}

int Parser::on_response_headers() {
  ResponseHead head;
  head.status = llhttp_.status_code;
  head.reason = first_text();
  head.version_minor = llhttp_.http_minor;
  head.fields = collect_fields();
  llhttp_.upgrade = 0;
  if (llhttp_.http_major != 1) return refuse(ParseFault::version);
  if (head_size() > header_bytes_) return refuse(ParseFault::head_too_large);
  if (head.status < 100) return refuse(ParseFault::syntax);
  const auto& self = *static_cast<ResponseParser*>(this);
  const bool may_switch =
      self.asks_websocket_ && head.version_minor > 0 && names_websocket(head.fields);
  if (head.status == 101 && !may_switch) return refuse(ParseFault::switching_protocols);
  if (const ParseFault fault = check_head(head, llhttp_); fault != ParseFault::none) {
    return refuse(fault);
  }
  const bool has_body =
      !self.head_request_ && head.status >= 200 && head.status != 204 && head.status != 304;
  head.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  if (!has_body) {
    // should_keep_alive would say no to a HEAD's answer without a length; only the fields count
    // here
    // an endpoint that announces a body may send it all the same, and later than this is read: not
    // on a connection that others are to use
    const bool announces_body =
        (llhttp_.flags & F_CHUNKED) != 0 ||
        ((llhttp_.flags & F_CONTENT_LENGTH) != 0 && llhttp_.content_length > 0);
    head.keep_alive =
        (llhttp_.flags & F_CONNECTION_CLOSE) == 0 && head.version_minor > 0 && !announces_body;
  } else if ((llhttp_.flags & F_CHUNKED) != 0) {
    head.framing.kind = Framing::Kind::chunked;
  } else if ((llhttp_.flags & F_CONTENT_LENGTH) != 0) {
    head.framing = {Framing::Kind::length, llhttp_.content_length};
  } else if ((llhttp_.flags & F_TRANSFER_ENCODING) != 0) {  // it is chunked to us, not to llhttp
    return refuse(ParseFault::transfer_coding);
  } else {
    head.framing.kind = Framing::Kind::until_close;
    head.keep_alive = false;
  }
  phase_ = Phase::body;
  stopped_ = !static_cast<ResponseSink*>(scratch_.sink)->on_response_head(head);
  scratch_.block.clear();
  scratch_.base = nullptr;
  block_bytes_ = 0;
  name_done_ = false;
  if (stopped_) return HPE_USER;
  return has_body ? 0 : 1;  // 1: llhttp expects no body
}

int Parser::on_body(std::string_view bytes) {
  stopped_ = llhttp_.type == HTTP_REQUEST
                 ? !static_cast<RequestSink*>(scratch_.sink)->on_request_body(bytes)
                 : !static_cast<ResponseSink*>(scratch_.sink)->on_response_body(bytes);
  return stopped_ ? HPE_USER : 0;
}

// Nobody uses chunk extensions and nothing else bounds them: all of a message's together have the
// bound of a head.
int Parser::add_chunk_extension(std::size_t size) {
  block_bytes_ += static_cast<std::uint32_t>(std::min<std::size_t>(size, header_bytes_ + 1));
  return block_bytes_ > header_bytes_ ? refuse(ParseFault::head_too_large) : 0;
}

// Pausing here leaves what follows the message unparsed: it belongs to the next one.
int Parser::on_message_end() {
  if (phase_ == Phase::trailers) {
    if (head_size() > header_bytes_) return refuse(ParseFault::head_too_large);
    const std::span<const Field> trailers = collect_fields();
    if (llhttp_.type == HTTP_REQUEST) {
      static_cast<RequestSink*>(scratch_.sink)->on_request_trailers(trailers);
    } else {
      static_cast<ResponseSink*>(scratch_.sink)->on_response_trailers(trailers);
    }
    // whether the connection goes on was said in the head: llhttp would believe a trailer, and
    // refuse the next message
    llhttp_.flags &= static_cast<std::uint16_t>(~F_CONNECTION_CLOSE);
  }
  // nor is it for an interim response to say, which some send as HTTP/1.0
  if (llhttp_.type == HTTP_RESPONSE && llhttp_.status_code < 200) {
    llhttp_.flags &= static_cast<std::uint16_t>(~F_CONNECTION_CLOSE);
    llhttp_.flags |= F_CONNECTION_KEEP_ALIVE;
  }
  return HPE_PAUSED;
}

bool ResponseParser::finish() {
  if (phase_ != Phase::body) return false;
  const llhttp_errno_t error = llhttp_finish(&llhttp_);
  return error == HPE_OK || error == HPE_PAUSED;
}

}  // namespace ringside::http
