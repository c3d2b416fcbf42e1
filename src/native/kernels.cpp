// The kernels for one instruction set: compiled once for each, with its flags and its own namespace.
#include "member.hpp"

namespace KOHORT_ISA {

const kohort::Precisions& kernels() {
    static const kohort::Precisions both{
        {memory<float>, train<float>, judge<float>, predict<float>, sample<float>},
        {memory<double>, train<double>, judge<double>, predict<double>, sample<double>},
    };
    return both;
}

}  // namespace KOHORT_ISA
