// All kernels for one instruction set. The file that includes this names the set, gives the number
// of lanes and rows of a tile, and has switched the compiler to it.

#include "vectors/lanes.h"

#include "layers/gelu.h"
#include "vectors/products.h"
#include "vectors/sharing.h"
#include "vectors/shuffles.h"
#include "vectors/square_matrix.h"

#include "attention/attention.h"
#include "attention/attention_gradient.h"
#include "layers/activations.h"
#include "layers/dropout.h"
#include "layers/layer_norm.h"
#include "layers/row_maps.h"
#include "layers/row_sums.h"
#include "layers/unit_rows.h"
#include "losses/distributions.h"
#include "pooling/map_shrinking.h"
#include "pooling/map_shrinking_gradient.h"
#include "pooling/moment_pooling.h"
#include "pooling/moment_pooling_gradient.h"
#include "pooling/square_root.h"
#include "pooling/square_root_gradient.h"
#include "search/nearest_neighbours.h"
#include "views/pixel_rows.h"

const InstructionSet kKernels = {MINDTUNE_NAME,
                                 pool_moments,
                                 differentiate_moments,
                                 pool_square_root,
                                 differentiate_square_root,
                                 shrink_maps,
                                 differentiate_shrinking,
                                 keep_nearest,
                                 activate<Gelu>,
                                 differentiate_activation<Gelu>,
                                 activate<QuickGelu>,
                                 differentiate_activation<QuickGelu>,
                                 normalise_rows,
                                 differentiate_rows,
                                 differentiate_norm_parameters,
                                 attend,
                                 differentiate_attention,
                                 mix_rows,
                                 blur_rows,
                                 transpose_bytes,
                                 add_up_rows,
                                 add_up_products,
                                 map_channels,
                                 scale_rows,
                                 sharpen,
                                 compare_probabilities,
                                 give_length,
                                 differentiate_unit_rows,
                                 differentiate_lengths,
                                 drop_out};
