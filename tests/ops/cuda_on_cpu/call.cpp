// Lets a caller that knows no C++ exceptions see why an operator refused its arguments.
#include <cstdint>
#include <exception>
#include <string>

using Operator = int(int, void**, int*, int64_t**, const char**, void*, void*);

// The message of the exception, or null; `status` is what the operator returned otherwise.
extern "C" const char* call_operator(Operator* op, int count, void** data, int* ranks,
                                     int64_t** shapes, const char** types, int* status) {
  static std::string message;
  try {
    *status = op(count, data, ranks, shapes, types, nullptr, nullptr);
    return nullptr;
  } catch (const std::exception& error) {
    message = error.what();
    return message.c_str();
  }
}
