// Where a member's variables lie: in a row of parameters, and in the kernels' own memory.
#pragma once

#include <vector>

#include "simd.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Activation;
using kohort::LayerSpec;
using kohort::Norm;
using kohort::Spec;

struct Variable {
    Index rows, columns;   // real
    Index row, place;      // in the kernels' memory: entries per row, first entry
    Index outer_row, outer_place;  // in a row of parameters
};

struct Layer {
    Index inputs, units;
    Index kernel = -1, bias = -1, gamma = -1, beta = -1, alpha = -1;  // variables; -1 for none
    Index mean = -1, variance = -1;
};

inline Norm norm_of(const LayerSpec& layer) { return Norm(layer.norm); }
inline bool over_rows(Norm norm) { return norm == Norm::batch_before || norm == Norm::batch_after; }
inline bool is_before(Norm norm) { return norm == Norm::batch_before || norm == Norm::layer_before; }
inline bool is_after(Norm norm) { return norm == Norm::batch_after || norm == Norm::layer_after; }

// The variables are those that are trained, layer by layer: kernel, bias, gamma and beta of the
// normalisation, slopes of PReLU; then each layer's moving averages; then what scales the features.
struct Shape {
    std::vector<Variable> variables;
    std::vector<Layer> layers;  // the hidden ones, then the output
    Index trainable = 0;        // variables
    Index trained = 0;          // entries in the kernels' memory of those that are trained
    Index before_output = 0;    // and of those of hidden layers
    Index size = 0;             // of all
    Index centre = -1, scale = -1;  // variables that standardise the features
    Index widest = 0;

    template <class T>
    static Shape of(const Spec& spec, const std::int32_t* units) {
        Shape shape;
        Index inputs = spec.features;
        const auto add = [&](Index rows, Index columns, Index outer_row) {
            shape.variables.push_back({rows, columns, padded<T>(columns), shape.size, outer_row,
                                       spec.places[shape.variables.size()]});
            shape.size += rounded_up(rows * padded<T>(columns), Simd<T>::lanes);
            return Index(shape.variables.size()) - 1;
        };
        for (Index l = 0; l <= spec.hidden; l++) {
            const LayerSpec& spec_of = spec.layers[l];
            const Index n = l < spec.hidden ? units[l] : spec.outputs, w = spec_of.width;
            if (l == spec.hidden) shape.before_output = shape.size;
            Layer layer{inputs, n};
            layer.kernel = add(inputs, n, w);
            if (spec_of.bias) layer.bias = add(1, n, w);
            if (norm_of(spec_of) != Norm::none) {
                layer.gamma = add(1, n, w);
                layer.beta = add(1, n, w);
            }
            if (Activation(spec_of.activation) == Activation::prelu) layer.alpha = add(1, n, w);
            inputs = n;
            shape.layers.push_back(layer);
        }
        shape.trainable = Index(shape.variables.size());
        shape.trained = shape.size;
        for (Index l = 0; l < spec.hidden; l++)
            if (over_rows(norm_of(spec.layers[l]))) {
                Layer& layer = shape.layers[l];
                layer.mean = add(1, layer.units, spec.layers[l].width);
                layer.variance = add(1, layer.units, spec.layers[l].width);
            }
        if (spec.standardised) {
            shape.centre = add(1, spec.features, spec.features);
            shape.scale = add(1, spec.features, spec.features);
        }
        for (const Layer& layer : shape.layers)
            shape.widest = layer.units > shape.widest ? layer.units : shape.widest;
        shape.widest = spec.features > shape.widest ? spec.features : shape.widest;
        return shape;
    }

    // Copy a variable from a row where it begins at `outer_place`, or to it.
    template <class T>
    void read(const T* row, Index outer_place, T* to, Index variable) const {
        const Variable& v = variables[variable];
        for (Index r = 0; r < v.rows; r++)
            std::memcpy(to + v.place + r * v.row, row + outer_place + r * v.outer_row,
                        v.columns * sizeof(T));
    }

    template <class T>
    void write(const T* from, T* row, Index outer_place, Index variable) const {
        const Variable& v = variables[variable];
        for (Index r = 0; r < v.rows; r++)
            std::memcpy(row + outer_place + r * v.outer_row, from + v.place + r * v.row,
                        v.columns * sizeof(T));
    }

    template <class T>
    void read_all(const T* params, T* to) const {
        for (Index i = 0; i < Index(variables.size()); i++)
            read(params, variables[i].outer_place, to, i);
    }
};

// Memory of a thread that is taken piece by piece and kept for its next call.
class Arena {
   public:
    // Begin again with at least `bytes` bytes, all of them zero.
    void begin(std::size_t bytes) {
        if (memory_.size() < bytes + 64) memory_ = std::vector<unsigned char>(bytes + 64);
        else std::memset(memory_.data(), 0, bytes + 64);
        const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
        next_ = memory_.data() + (64 - address % 64) % 64;
    }

    template <class T>
    T* take(Index count) {
        T* piece = reinterpret_cast<T*>(next_);
        next_ += rounded_up(count * Index(sizeof(T)), 64);
        return piece;
    }

    template <class T>
    static std::size_t bytes(Index count) {
        return std::size_t(rounded_up(count * Index(sizeof(T)), 64));
    }

   private:
    std::vector<unsigned char> memory_;
    unsigned char* next_ = nullptr;
};

}  // namespace KOHORT_ISA
